"""Files of hotline centres and message boards: safe reading, named mappings, proposals for files never seen before."""
