// Who is watching: the viewer of this browser's cookie, which no script can read.

import { post, remove } from "./api.js";

export const LAST = "marquee-last";

// Who joined here has a long number, whose end is enough to know it again.
const shortOf = (id) => (id < 1e9 ? id : `…${String(id).slice(-4)}`);

export const viewer = {
  id: null,
  name: "",
  profile: {},
  onchange: () => {},

  async find(get) {
    this.become(await get("/page/me"));
  },
  async choose(userId) {
    this.become(await post("/page/session", { user_id: userId }));
  },
  async leave() {
    await remove("/page/session");
    this.become(null);
  },
  become(told) {
    this.id = told?.user_id ?? null;
    this.profile = told?.profile ?? {};
    this.name = this.profile.name || (this.id ? `Viewer ${shortOf(this.id)}` : "");
    if (this.id) localStorage.setItem(LAST, this.id);
    else localStorage.removeItem(LAST);
    this.onchange();
  },
};
