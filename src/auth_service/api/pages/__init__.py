"""Pages: what people see in a browser, with nothing but this service behind them. A frontend may take their place."""
