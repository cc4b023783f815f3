// A view is fetched when it is first opened, under the address of the release that this page is of. Where that fails
// although the service answers, the service is of another release by now: the page is loaded anew, at the same place.

const ONCE = "marquee-loaded-anew"; // until a view is shown: a page that helps itself does not do so for ever
const PATIENCE = 2000;

export async function fetched(module) {
  try {
    return await module();
  } catch (error) {
    if (!(await answers())) throw new Error("This could not be fetched: the service does not answer.");
    if (sessionStorage.getItem(ONCE)) throw error;
    sessionStorage.setItem(ONCE, "yes");
    location.reload();
    return new Promise(() => {}); // nothing more is drawn on this one
  }
}

export const settled = () => sessionStorage.removeItem(ONCE);

export const answers = () =>
  fetch("/", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PATIENCE) }).then(
    (response) => response.ok,
    () => false,
  );
