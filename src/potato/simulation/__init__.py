"""Simulated ground and the instrument that sees it.

`ground.make_ground` invents a piece of land, `instrument.observe` photographs it. Everything is measured in
pan pixels of half a metre; x runs to the right, y down, and the picture is north up.
"""
