// Between the network and the cache: what is older than what the cache has does not reach it.
import { Versions } from "@drop/gateway-client";
import { type Exchange, makeOperation, type Operation } from "urql";
import { filter, makeSubject, merge, pipe } from "wonka";

// A gateway that answers from an older copy each time is believed in the end.
const MOST_TIMES = 3;

export const newestExchange: Exchange =
  ({ forward }) =>
  (operations) => {
    const versions = new Versions();
    const times = new Map<number, number>();
    const again = makeSubject<Operation>();
    return pipe(
      forward(merge([operations, again.source])),
      filter(({ operation, data }) => {
        const count = times.get(operation.key) ?? 0;
        times.delete(operation.key);
        if (!versions.isOlder(data) || operation.kind === "mutation") return true;
        if (operation.kind === "subscription") return false;
        if (count === MOST_TIMES) return true;
        times.set(operation.key, count + 1);
        // Not within the answer that is being taken.
        queueMicrotask(() => again.next(makeOperation(operation.kind, operation)));
        return false;
      }),
    );
  };
