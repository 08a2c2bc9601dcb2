"""The demo library: pictures, papers and videos that albumsd draws by itself, so that nothing has to be downloaded."""
