"""Pictures made of finished pictures, so that eyes can see what is in them.

`arithmetic` is what is done to colours, `developing` the way of a picture through the block engine, `tools`
the two put together, and `scope` the vectorscope.
"""
