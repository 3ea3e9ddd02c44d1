"""Simulated ground and the imager that sees it.

`ground.make_ground` draws a piece of land, and `imager.observe` images it. Lengths are pan pixels
of half a metre; x runs to the right and y down, and north is up.
"""
