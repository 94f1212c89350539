"""Vendors: providers on loopback that speak the wire protocols as the real ones do, and are as strict."""

from .vendor import PROTOCOLS, VENDOR_KEY, Vendor

__all__ = ["PROTOCOLS", "VENDOR_KEY", "Vendor"]
