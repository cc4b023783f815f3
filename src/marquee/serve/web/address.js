// The address of the page: a view's path after the "#", and after "?" what it is of. `title` is the sheet that is open.

export function partsOf(hash = location.hash) {
  const [path, query] = (hash || "#/").split("?");
  return { path, params: new URLSearchParams(query || "") };
}

export const addressOf = ({ path, params }) => (params.size ? `${path}?${params}` : path);

// The address of here, with a parameter set; null leaves it out.
export function withParam(name, value) {
  const here = partsOf();
  if (value === null) here.params.delete(name);
  else here.params.set(name, value);
  return addressOf(here);
}
