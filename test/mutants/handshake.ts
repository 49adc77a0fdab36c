import type { Mutant } from './mutant.js'

const handshake = 'src/link/handshake.ts'
const admission = 'src/link/admission.ts'
const proof = 'src/link/proof.ts'
const handshaking = 'src/link/handshaking.ts'
const attempt = 'src/link/attempt.ts'

/** From the dial to the end of the handshake: proofs, versions, generations, the tie-break. */
export const handshakes: readonly Mutant[] = [
  {
    name: 'the dialler does not look at the proof of the acceptor',
    file: handshake,
    find: '        if (good === undefined) return this.#fail(wrongSecret, out)\n',
    replace: '',
  },
  {
    name: 'the dialler opens the slot whatever its own node says of the peer',
    file: handshake,
    find: "      const verdict = this.#policy.admit(peer, slot)\n      if ('code' in verdict) return this.#fail(verdict, out)\n",
    replace: '',
  },
  {
    name: 'the dialler speaks any version that the acceptor picks',
    file: handshake,
    find: '    if (challenge.version < versions.min || challenge.version > versions.max) return this.#fail(wrongVersion, out)\n',
    replace: '',
  },
  {
    name: 'a dialler takes its own node for a peer',
    file: handshake,
    find: '    if (name === spec.name && incarnation === spec.incarnation) return this.#fail(wrongNode(name), out)\n',
    replace: '',
  },
  {
    name: 'a dialler takes an earlier life of its own name for itself',
    file: handshake,
    find: 'if (name === spec.name && incarnation === spec.incarnation)',
    replace: 'if (name === spec.name)',
  },
  {
    name: 'a dialler takes whoever answers for the one it meant',
    file: handshake,
    find: '    if (this.#expected !== undefined && name !== this.#expected) return this.#fail(wrongNode(name), out)\n',
    replace: '',
  },
  {
    name: 'a dialler with a secret does without, when the acceptor says that it has none',
    file: handshake,
    find: '    if (challenge.secured !== secrets.length > 0) return this.#fail(wrongSecret, out)\n',
    replace: '',
  },
  {
    name: 'an acceptor speaks a version below the least of the dialler',
    file: handshake,
    find: 'if (version < versions.min || version < hello.versions.min)',
    replace: 'if (version < versions.min)',
  },
  {
    name: 'an acceptor takes diallers of another cluster',
    file: handshake,
    find: '    if (hello.cluster !== cluster) return this.#fail(wrongCluster, out)\n',
    replace: '',
  },
  {
    name: 'an acceptor answers who meant another node',
    file: handshake,
    find: "    if (hello.expected !== '' && hello.expected !== spec.name) return this.#fail(wrongNode(spec.name), out)\n",
    replace: '',
  },
  {
    name: 'an acceptor proves itself with its first secret, not with the one that both have',
    file: handshake,
    find: "if (secret !== undefined) prove('acceptor', [secret], spoken",
    replace: "if (secret !== undefined) prove('acceptor', [this.#self.secrets[0] as string], spoken",
  },
  {
    name: 'the spec that was proved may be of another incarnation than the greeting',
    file: handshake,
    find: ' || spec.incarnation !== said.incarnation) return undefined',
    replace: ') return undefined',
  },
  {
    name: 'a node obeys the word of somebody who proved nothing, that it is stale or removed',
    file: handshake,
    find: "  if (!believed && gravest.has(code)) return void out.push({ type: 'failed', by: 'us', ...otherwise })\n",
    replace: '',
  },
  {
    name: 'a generation that anybody may name is believed',
    file: handshake,
    find: 'known: believed ? known : 0 })',
    replace: 'known })',
  },
  {
    name: 'the acceptor confuses whose numbering begins anew',
    file: handshake,
    find: 'limits: frame.limits, fresh: frame.fresh })',
    replace: 'limits: frame.limits, fresh: verdict.fresh })',
  },
  {
    name: 'a proof does not cover the TLS session below, so that it may be relayed',
    file: proof,
    find: '  if (exporter !== undefined) hmac.update(exporter)\n',
    replace: '',
  },
  {
    name: 'a proof does not cover what was said before it, so that it may be replayed',
    file: proof,
    find: '  for (const frame of said) hmac.update(frame)\n',
    replace: '',
  },
  {
    name: 'a proof does not say who proves, so that it may be reflected',
    file: proof,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    find: 'maquis v1 ${prover}',
    replace: 'maquis v1',
  },
  {
    name: 'only the first of the own secrets is tried',
    file: proof,
    find: '    for (const proof of proofs) if (timingSafeEqual(wanted, proof)) found ??= secret\n',
    replace: '    for (const proof of proofs) if (timingSafeEqual(wanted, proof)) found ??= secret\n    break\n',
  },
  {
    name: 'an earlier life of a known peer is let in',
    file: admission,
    find: '  if (link !== undefined && peer.incarnation < link.spec.incarnation) return staleIncarnation(link.spec.incarnation)\n',
    replace: '',
  },
  {
    name: 'an earlier life of this node is told that another goes by its name, not that it is stale',
    file: admission,
    find: 'peer.incarnation < self.incarnation ? staleIncarnation(self.incarnation) : namesake(self.name)',
    replace: 'namesake(self.name)',
  },
  {
    name: 'a peer is let in whatever the overlay says of it',
    file: admission,
    find: '  if (refusal !== undefined) return refusal\n',
    replace: '',
  },
  {
    name: 'the lane after the last one of a channel is given',
    file: admission,
    find: 'slot.lane >= shared.parallelism',
    replace: 'slot.lane > shared.parallelism',
  },
  {
    name: 'a node keeps links with one peer more than it may',
    file: admission,
    find: 'free <= 0',
    replace: 'free < 0',
  },
  {
    name: 'a node with as many peers as it may have refuses further lanes to those it has',
    file: admission,
    find: '(link === undefined || link.openLanes === 0) && free <= 0',
    replace: 'free <= 0',
  },
  {
    name: 'a connection of the same generation takes the place of the present one',
    file: admission,
    find: 'if (slot.generation <= lane.generation) {',
    replace: 'if (slot.generation < lane.generation) {',
  },
  {
    name: 'a generation may leap so far that no number is left',
    file: admission,
    find: '  if (slot.generation > lane.generation + generationLeapMax) return wildGeneration\n',
    replace: '',
  },
  {
    name: 'of two nodes that dial each other both give way',
    file: admission,
    find: ' && self.name < peer.name) return tieBreak',
    replace: ') return tieBreak',
  },
  {
    name: 'of two nodes that dial each other neither gives way',
    file: admission,
    find: '  if (ours === undefined && lane.attempt?.generation === slot.generation && self.name < peer.name) return tieBreak\n',
    replace: '',
  },
  {
    name: 'a node says that its numbering begins anew, whether it does or not',
    file: admission,
    find: '  return { fresh: lane.fresh }',
    replace: '  return { fresh: true }',
  },
  {
    name: 'a node goes on with its numbering when its peer begins a new life',
    file: admission,
    find: '  if (link.spec.incarnation !== peer.incarnation) return { fresh: true }\n',
    replace: '',
  },
  {
    name: 'a greeting opens a second connection beside the one that is there',
    file: admission,
    find: 'const taken = isOpen || lane.attempt?.generation !== undefined ? link : undefined',
    replace: 'const taken = undefined',
  },
  {
    name: 'a greeting asks for the first generation, though the lane had others',
    file: admission,
    find: 'generation: lane.generation + 1, fresh: lane.fresh, taken }',
    replace: 'generation: 1, fresh: lane.fresh, taken }',
  },
  {
    name: 'a handshake that its own node gives up leaves its connection open',
    file: handshaking,
    find: "if (this.#end()) this.#connection?.close('abandoned')",
    replace: 'this.#end()',
  },
  {
    name: 'a connection that no lane takes any more stays open',
    file: handshaking,
    find: "        if (this.#lane === undefined) connection.close('abandoned')\n",
    replace: '',
  },
  {
    name: 'a connection that opens after the attempt was given up stays open',
    file: handshaking,
    find: 'if (this.#over) return connection.destroy()',
    replace: 'if (this.#over) return',
  },
  {
    name: 'a handshake that the peer does not finish is waited for for ever',
    file: handshaking,
    find: "this.#cancelTimer = waitFor(this.#clock, handshakePatienceOf(connection), () => this.#step({ type: 'timeout' }))\n",
    replace: '',
  },
  {
    name: 'a dial is given up because its own process stood still',
    file: attempt,
    find: 'waitFor(clock, patience, () => {',
    replace: 'clock.schedule(patience, () => {',
  },
  {
    name: 'a handshake that failed leaves its connection open',
    file: handshaking,
    find: '        connection.close(code === CloseCode.malformed ? text : undefined)\n',
    replace: '',
  },
  {
    name: 'a dial that hangs is waited for for ever',
    file: attempt,
    find: '      this.#controller.abort(late)\n',
    replace: '',
    tests: ['test/link/dialling.test.ts'],
  },
  {
    name: 'a dial whose transport does not look at its signal is waited for for ever',
    file: attempt,
    find: '      handshake.unreachable(late)\n',
    replace: '',
    tests: ['test/manager/seed-dials.test.ts'],
  },
  {
    name: 'the timer of a dial runs on when it has opened',
    file: attempt,
    find: '        cancelTimer()\n        names =',
    replace: '        names =',
  },
  {
    name: 'a dialler does not look whose name the certificate bears',
    file: attempt,
    find: '(mutualTls && !names.includes(peer.name) ? wrongCertificate : policy.admit(peer, slot))',
    replace: 'policy.admit(peer, slot)',
  },
  {
    name: 'an attempt that is given up lets its dial go on',
    file: attempt,
    find: "    this.#controller.abort(new UnreachableError('the peer', 'the attempt was given up'))\n",
    replace: '',
  },
]
