"""The state of a local trace: what gathering, tracing, sampling and propagation share. It imports none of them."""
