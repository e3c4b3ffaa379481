"""Due diligence before an agreement: what is asked and judged, the risk, names on sanctions lists, and confidentiality."""
