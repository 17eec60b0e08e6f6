"""The demo: a year of real flights, from a broker into a read model, checked against their source."""
