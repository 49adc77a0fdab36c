import { acknowledgements } from './acknowledgements.js'
import { broadcasts } from './broadcasts.js'
import { causalOrder } from './causality.js'
import { circuits } from './circuits.js'
import { core } from './core.js'
import { fault } from './fault.js'
import { handshakes } from './handshake.js'
import { hubs } from './hub.js'
import { lanes } from './lane.js'
import { managers } from './manager.js'
import { membership } from './membership.js'
import { membershipViews } from './membership-views.js'
import { messaging } from './messaging.js'
import { monitoringMutants } from './monitoring.js'
import type { Mutant } from './mutant.js'
import { overlays } from './overlays.js'
import { partialViews } from './partial-views.js'
import { peers } from './peers.js'
import { poolLifecycle } from './pool-lifecycle.js'
import { poolMemberMutants } from './pool-members.js'
import { poolSending } from './pool-sending.js'
import { poolMutants } from './pools.js'
import { receiving } from './receiving.js'
import { replicaMutants } from './replicas.js'
import { retention } from './retention.js'
import { scamp } from './scamp.js'
import { sending } from './sending.js'
import { serving } from './serving.js'

/** All mutants, by area. */
export const areas: Readonly<Record<string, readonly Mutant[]>> = {
  membership: [...membership, ...membershipViews],
  'other overlays': overlays,
  'partial views': partialViews,
  SCAMP: scamp,
  'faults and partitions': fault,
  handshakes,
  'links and lives': [...hubs, ...peers],
  'lanes and queues': lanes,
  'messages on a lane': [...sending, ...receiving],
  'joining and composing': managers,
  'messages and servers': [...messaging, ...serving],
  acknowledgements,
  'causal order': causalOrder,
  'monitors and references': monitoringMutants,
  broadcasts,
  'replicated stores': replicaMutants,
  'ways through other nodes': [...circuits, ...retention],
  'work pools': [...poolMutants, ...poolMemberMutants, ...poolSending, ...poolLifecycle],
  'core and delivery': core,
}
