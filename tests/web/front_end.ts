// A front end's use of the generated types: what an event is about is known to the compiler.
import { useFragment } from "./build/types";
import { EventKycFragmentDoc, EventPaymentFragmentDoc, type FrontEndEventsSubscription } from "./build/types/graphql";

export function headline(item: FrontEndEventsSubscription): string {
  const event = item.viewerEvents;
  const payment = useFragment(EventPaymentFragmentDoc, event.payment);
  const kyc = useFragment(EventKycFragmentDoc, event.kyc);
  if (payment) return payment.status === "FAILED" ? `${payment.id}: ${payment.failure?.code}` : payment.status;
  if (kyc) return kyc.status === "APPROVED" ? "verified" : kyc.status;
  return `${event.type} ${event.change ?? event.kind} ${event.objectId}`;
}
