"""TODO-reports"""
