"""Finds candidates: catalog, embedders, vector and lexical index, candidate sources, fusion."""
