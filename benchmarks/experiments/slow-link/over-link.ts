import { Remote } from '../remote.js'
import type { LinkOptions } from './direction.js'
import type { ProxyTasks } from './proxy.js'
import type { Channels, ReceiverTasks } from './receiver.js'
import type { SenderTasks } from './sender.js'

/** Connects two nodes over a link, each and the link in a process of its own. They end with `measure`. */
export async function overLink(
  link: LinkOptions,
  channels: Channels,
  measure: (sender: Remote<SenderTasks>) => Promise<void>,
): Promise<void> {
  using proxy = new Remote<ProxyTasks>(new URL('proxy.js', import.meta.url))
  using receiver = new Remote<ReceiverTasks>(new URL('receiver.js', import.meta.url))
  using sender = new Remote<SenderTasks>(new URL('sender.js', import.meta.url))
  const port = await proxy.ask('listen', link)
  const node = await receiver.ask('start', { channels, link: `ws://127.0.0.1:${port}` })
  await proxy.ask('aim', node.port)
  await sender.ask('connect', { receiver: node.spec, channels })
  await measure(sender)
}
