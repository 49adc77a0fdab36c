/** Beside the channel `default`, which carries the control messages. */
export const channels = { bulk: {} }
