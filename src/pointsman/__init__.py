"""Pointsman: a hybrid AI gateway. Applications name a capability; Pointsman finds the place that is good enough."""
