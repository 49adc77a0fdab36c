/**
 * What the handler of a service of this library returns for a message that it goes on with elsewhere: with `ack` its
 * sender hears how `outcome` ends, but has its credit back at once, as if it had been handled. For what waits for other
 * nodes: were it to hold credit meanwhile, nodes that wait for each other would do so for ever. Whoever returns it
 * bounds what it keeps.
 */
export class SettledLater {
  readonly outcome: Promise<unknown>

  constructor(outcome: Promise<unknown>) {
    this.outcome = outcome
    // Without `ack` nobody looks.
    outcome.catch(() => {})
  }
}
