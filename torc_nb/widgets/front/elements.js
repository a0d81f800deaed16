// What widgets draw with. Whatever comes from the kernel becomes text, never markup.

/** Make an element: attributes by name, handlers as `onclick`, children as elements or text. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  // The notebook's own keys (two d's delete the cell) are not meant for one who is about to press a button.
  if (["button", "input"].includes(tag)) made.dataset.lmSuppressShortcuts = "true";
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** A text that somebody wrote: its direction is its own affair. */
function said(text, attributes = {}) {
  return element("bdi", attributes, String(text));
}

/** Draw a part anew where its data changed, and leave it alone (with its selection and scroll) where it did not. */
function part(tag, attributes, draw) {
  const node = element(tag, attributes);
  let drawn;
  return {
    node,
    show(data) {
      const text = JSON.stringify(data);
      if (text === drawn) return;
      drawn = text;
      const children = draw(data);
      node.hidden = children.length === 0;
      node.replaceChildren(...children);
    },
  };
}

/** Seconds since the page was opened. */
function seconds() {
  return performance.now() / 1000;
}

/** Hide the still pictures that a widget stands beside, drawn anew as they may be, as long as it is on the page. */
function hidePictures(model) {
  const picture = `[data-torc-nb="${model.get("picture")}"]`;
  const style = element("style", {}, `${picture}, .jp-OutputArea-child:has(${picture}) { display: none }`);
  document.head.append(style);
  return () => style.remove();
}

/** Send, though the kernel may be gone; its silence is noticed elsewhere. */
function send(model, message) {
  try {
    model.send(message);
  } catch {
    // Nobody is there to hear it.
  }
}

// How often the kernel is told that somebody looks, in seconds.
const HERE = 20;
