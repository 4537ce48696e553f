// Mounts the viewer inside Gradio's component and passes it the events that arrive as the `event` prop.
const base = new URL(".", document.baseURI);
const absolute = (path) => new URL(path, base).href;
const waiting = [];
let viewer = null;

function handle(event) {
  if (!event) return;
  if (!viewer) waiting.push(event);
  else if (event.type === "begin") viewer.begin(event.start);
  else if (event.type === "commit") viewer.commit(event.delta);
  else if (event.type === "load") viewer.load(absolute(event.url), event.block);
}

watch("event", () => handle(props.event));
handle(props.event);

import(absolute(props.viewer)).then(({ mount }) => {
  viewer = mount(element.querySelector(".depcap-host"), { plotly: absolute(props.plotly) });
  waiting.splice(0).forEach(handle);
});
