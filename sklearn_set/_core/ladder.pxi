# How a row is cut into blocks, the widest first: the one place that says which width is next.
#
# A template: each pass includes it in its own file and says there what is to be done.
#
#     WIDEST, NARROWEST                   the widths of its blocks
#     Work                                a struct of what it works on
#     do_block(width_tag, work, offset)   the work on one block of columns
#
# What can be decided when this is compiled is decided then, so no pass has code for widths that it
# does not use.  Knows widths alone; must not know what is done.

cdef inline Py_ssize_t do_next_block(
    Work* work, Py_ssize_t width, Py_ssize_t offset,
) noexcept nogil:
    """Work on the widest block that the columns [offset, width) hold; return where it ends."""
    cdef Py_ssize_t left = width - offset
    if WIDEST >= 128 and MAX_BLOCK >= 128 and left >= 128:
        do_block(<block_128*> NULL, work, offset)
        return offset + 128
    if WIDEST >= 64 and MAX_BLOCK >= 64 and left >= 64:
        do_block(<block_64*> NULL, work, offset)
        return offset + 64
    if WIDEST >= 32 and MAX_BLOCK >= 32 and left >= 32:
        do_block(<block_32*> NULL, work, offset)
        return offset + 32
    if WIDEST >= 16 and MAX_BLOCK >= 16 and left >= 16:
        do_block(<block_16*> NULL, work, offset)
        return offset + 16
    if NARROWEST >= 8 or left >= 8:
        do_block(<block_8*> NULL, work, offset)
        return offset + 8
    if left >= 4:
        do_block(<block_4*> NULL, work, offset)
        return offset + 4
    if left >= 2:
        do_block(<block_2*> NULL, work, offset)
        return offset + 2
    do_block(<block_1*> NULL, work, offset)
    return offset + 1
