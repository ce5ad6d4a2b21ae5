// A list in pages as Relay has it: its compiler checks the connection, the edge and the way to fetch the owner anew.
import { graphql } from "react-relay";

export const fragment = graphql`
  fragment Payments_viewer on User
  @refetchable(queryName: "PaymentsNextPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    payments(first: $count, after: $cursor) @connection(key: "Payments_payments") {
      edges {
        node {
          id
          status
          version
        }
      }
    }
  }
`;

export const query = graphql`
  query PaymentsQuery {
    viewer {
      ...Payments_viewer
    }
  }
`;
