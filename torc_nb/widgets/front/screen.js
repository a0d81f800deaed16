// What a function of the user's shows: HTML that the kernel made of it, as it makes that of a cell's last value.

function render({ model, el }) {
  // As the theme dresses tables and text of a cell's output.
  el.classList.add("torc-nb-screen", "jp-RenderedHTMLCommon", "jp-RenderedHTML");
  const show = () => {
    el.innerHTML = model.get("html");
  };
  model.on("change:html", show);
  show();
  const showPictures = hidePictures(model);
  return () => {
    model.off("change:html", show);
    showPictures();
  };
}

export default { render };
