"""Checks that a model server keeps its contract: python -m core.conformance gpu-services/NAME

`scene_*.py` start the server, do things to it and note what they see; `checks_*.py` judge the notes, each
check one habit; `__main__.py` and `report.py` are the command line around both.
"""
