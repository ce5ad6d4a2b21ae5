export * from "./errors.ts";
export * from "./keys.ts";
export * from "./scalars.ts";
export type * as Schema from "./schema.ts";
export { openSocket, resuming, SIGNED_OUT } from "./socket.ts";
export { follow, Refused } from "./sse.ts";
export { Versions } from "./versions.ts";
