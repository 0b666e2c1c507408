"""TODO-datasets"""
