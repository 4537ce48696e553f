// What the viewer fetches for itself: its style sheet and payloads.

import { h } from "./dom.js";

/** Links a style sheet once. */
export function addStyle(href) {
  const has = [...document.styleSheets].some((sheet) => sheet.href === href);
  if (has || document.querySelector(`link[data-depcap="${CSS.escape(href)}"]`)) return;
  document.head.append(h("link", { rel: "stylesheet", href, "data-depcap": href }));
}

/** A parsed JSON document, or an error with a one-line message. */
export async function fetchPayload(url) {
  const answer = await fetch(url).catch(() => {
    throw new Error("it could not be fetched");
  });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json().catch(() => {
    throw new Error("it is not JSON");
  });
}
