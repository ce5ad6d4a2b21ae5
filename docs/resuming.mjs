// A graphql-ws client whose subscriptions go on after the last cursor they saw. On a reconnect graphql-ws sends the
// request that it was first given; so the request's own `after` is kept at the newest cursor.
export function resuming(client) {
  return {
    ...client,
    subscribe(payload, sink) {
      const request = { ...payload, variables: { ...payload.variables } };
      return client.subscribe(request, {
        next(result) {
          const item = Object.values(result.data ?? {})[0];
          if (item?.cursor) request.variables.after = item.cursor;
          sink.next(result);
        },
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
      });
    },
  };
}
