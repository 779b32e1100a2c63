// Before the first paint: the page has a script.
document.documentElement.classList.replace("no-js", "js");
