// Mounts a view inside Gradio's component and passes it the events that arrive as the `event` prop; what a
// visitor picks in it becomes the component's `pick` event.
const base = new URL(".", document.baseURI);
const absolute = (path) => new URL(path, base).href;
const waiting = [];
let view = null;

function handle(event) {
  if (!event) return;
  if (!view) waiting.push(event);
  else view.handle(event.url ? { ...event, url: absolute(event.url) } : event);
}

watch("event", () => handle(props.event));
handle(props.event);

import(absolute(props.module)).then(({ mount }) => {
  view = mount(element.querySelector(".depcap-host"), {
    plotly: absolute(props.plotly),
    onPick: (name) => trigger("pick", { name }),
  });
  waiting.splice(0).forEach(handle);
});
