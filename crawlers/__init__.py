"""Where items come from: files of hotline centres, web pages, a simulated city."""
