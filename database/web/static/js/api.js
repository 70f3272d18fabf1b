// Calls to the server: JSON both ways, the CSRF token with every change, errors as sentences.

export class ApiError extends Error {
  constructor(message, status, field = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.field = field;
  }
}

const SENTENCES = {
  0: "The server does not answer. What runs at the station goes on; try again when the connection is back.",
  401: "You are signed out.",
  403: "You may look, but not do this. Ask an operator.",
  404: "This does not exist (any more).",
  503: "No station is there to do this; nothing was sent.",
  504: "No answer in time: whether it was done is unknown. Look at the state before trying again.",
};

export const path = (...parts) => `/api/${parts.map(encodeURIComponent).join("/")}`;

async function call(address, { method = "GET", body, timeout = 15000 } = {}) {
  const headers = { Accept: "application/json" };
  const isForm = body instanceof FormData;
  if (method !== "GET") {
    if (!isForm) headers["Content-Type"] = "application/json";
    headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]")?.content ?? "";
  }
  let response;
  try {
    response = await fetch(address, {
      method, headers, credentials: "same-origin", cache: "no-store",
      body: method === "GET" ? undefined : isForm ? body : JSON.stringify(body ?? {}), signal: AbortSignal.timeout(timeout),
    });
  } catch {
    throw new ApiError(SENTENCES[0], 0);
  }
  if (response.status === 401 || (response.redirected && new URL(response.url).pathname === "/login")) {
    window.dispatchEvent(new Event("pybirch:signed-out"));
    throw new ApiError(SENTENCES[401], 401);
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || (answer?.ok === false && answer.error)) {
    const text = answer?.error?.message ?? answer?.message ?? SENTENCES[response.status] ?? `The server answered ${response.status}.`;
    throw new ApiError(text, response.status, answer?.error?.field);
  }
  if (answer === null) throw new ApiError("The server's answer could not be read.", response.status);
  return answer;
}

export const get = (address, options) => call(address, options);
export const post = (address, body, options) => call(address, { ...options, method: "POST", body });

/** Send a form with files. */
export function upload(address, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  return call(address, { method: "POST", body, timeout: 120000 });
}

/** The address with those parameters that have a value. */
export function withQuery(address, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== null && value !== undefined && value !== "") query.set(name, value);
  const text = query.toString();
  return text ? `${address}?${text}` : address;
}
