// The sheet of a title, over whatever view is open.
export function openSheet() {}
