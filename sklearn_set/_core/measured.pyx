"""What Python may know of measured.pxd: its names, all of them."""
