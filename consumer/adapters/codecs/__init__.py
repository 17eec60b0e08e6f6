"""Codecs: the envelopes in which events come."""
