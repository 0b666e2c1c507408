"""TODO-operators"""
