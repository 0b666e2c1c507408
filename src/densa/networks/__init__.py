"""TODO-networks"""
