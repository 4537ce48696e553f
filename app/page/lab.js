// Mounts the additivity lab inside Gradio's component; a clicked point becomes the component's `pick` event.
const base = new URL(".", document.baseURI);
const absolute = (path) => new URL(path, base).href;
const waiting = [];
let lab = null;

function handle(event) {
  if (!event) return;
  if (!lab) waiting.push(event);
  else if (event.type === "say") lab.fail(event.line);
  else if (event.type === "load") lab.load(absolute(event.url));
}

watch("event", () => handle(props.event));
handle(props.event);

import(absolute(props.lab)).then(({ mountLab }) => {
  lab = mountLab(element.querySelector(".depcap-host"), {
    plotly: absolute(props.plotly),
    onPick: (name) => trigger("pick", { name }),
  });
  waiting.splice(0).forEach(handle);
});
