"""TODO-regions"""
