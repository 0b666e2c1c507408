"""A page read back."""

from html.parser import HTMLParser

VOID_ELEMENTS = {"meta", "link", "img", "br", "line"}


class Page(HTMLParser):
    """Checks that elements nest, and collects what the page shows and refers to."""

    def __init__(self, html):
        super().__init__()
        self.open, self.references, self.text, self.tags = [], [], "", []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in {"src", "href", "srcset", "action"}]
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
