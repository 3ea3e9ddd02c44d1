"""Pictures made from finished pictures, so that people see what is in them.

`color_ops` changes colours, `blocks` runs pictures through the block engine, `tools` combines the
two, `scope` is the vectorscope and `graticule` draws it.
"""
