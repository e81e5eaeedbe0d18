"""From files to checked frames and graphs: the only room that knows periodic images."""
