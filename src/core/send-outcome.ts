/**
 * What became of a message. `not-sent`: it never left this node, or its receiver refused it for its age: it was not
 * handled. `unknown`: it was sent, and may have been handled.
 */
export type SendOutcome = 'not-sent' | 'unknown'
