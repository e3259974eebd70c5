"use strict";
/* With this the scripts of a page make elements. Text from data is only ever set as text. */
function make(tag, text = "", parent = null, about = {}) {
  const it = document.createElement(tag);
  it.textContent = text;
  for (const [key, value] of Object.entries(about)) it.setAttribute(key, value);
  if (parent) parent.append(it);
  return it;
}
