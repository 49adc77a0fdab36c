import { expect, test } from 'vitest'
import type { Incarnation, Life, NodeName } from '../../src/core/node.js'
import { CausalAnswers } from '../../src/delivery/causal-answers.js'
import { CausalRounds, roundMillis } from '../../src/delivery/causal-rounds.js'

const life = (name: string, incarnation = 1): Life => ({
  name: name as NodeName,
  incarnation: incarnation as Incarnation,
})
const a = life('a')

test('a question is concluded by the answers on all lanes, and forgotten', () => {
  const rounds = new CausalRounds<string>()
  const round = rounds.ask('chat', a, ['one', 'two'], 0) ?? 0
  expect(rounds.ask('chat', a, ['one', 'two'], roundMillis - 1)).toBe(undefined)
  const answer = { round, label: 'chat', lanes: 2, last: 11 }
  expect(rounds.answered('one', a.name, { ...answer, floor: 9 })).toBe(undefined)
  // Another node, another label, another question.
  expect(rounds.answered('two', life('b').name, { ...answer, floor: 5 })).toBe(undefined)
  expect(rounds.answered('two', a.name, { ...answer, label: 'other', floor: 5 })).toBe(undefined)
  expect(rounds.answered('two', a.name, { ...answer, round: round + 1, floor: 5 })).toBe(undefined)
  expect(rounds.answered('two', a.name, { ...answer, floor: 7 })).toEqual({
    ...{ label: 'chat', from: a, askedAt: 0, goneUpTo: 6, last: 11 },
  })
  expect(rounds.size).toBe(0)
  expect(rounds.ask('chat', a, ['one'], roundMillis - 1)).toBe(round + 1)
})

test('a lane that ends is not waited for, but what was answered on it is not enough', () => {
  const rounds = new CausalRounds<string>()
  const round = rounds.ask('chat', a, ['one', 'two', 'three'], 0) ?? 0
  rounds.answered('one', a.name, { round, label: 'chat', lanes: 2, floor: 9, last: 8 })
  expect(rounds.closed('two')).toEqual([])
  expect(rounds.answered('four', a.name, { round, label: 'chat', lanes: 2, floor: 4, last: 8 })).toBe(undefined)
  expect(rounds.closed('three')).toEqual([{ label: 'chat', from: a, askedAt: 0, goneUpTo: 3, last: 8 }])
})

test('questions that nobody answered do not pile up, whoever was asked', () => {
  const rounds = new CausalRounds<string>()
  for (let count = 0; count < 1_000; count++) {
    expect(rounds.ask('chat', life(`n${count}`), ['one'], count * 100)).toBe(count + 1)
    expect(rounds.size).toBeLessThanOrEqual(roundMillis / 100)
  }
  expect(rounds.ask('chat', a, [], 1_000_000)).toBe(undefined)
  rounds.clear()
  expect(rounds.size).toBe(0)
})

test('a peer that asks again and again is answered once in a while, of each label the last question', () => {
  const answers = new CausalAnswers<string>()
  expect(answers.asked('a', 'chat', 1)).toBe(true)
  expect(answers.due('a', true, 0)).toEqual([['chat', 1]])
  for (let round = 2; round < 9; round++) expect(answers.asked('a', 'chat', round)).toBe(false)
  expect(answers.asked('a', 'news', 9)).toBe(false)
  expect(answers.asked('b', 'chat', 1)).toBe(true)
  expect(answers.due('a', true, 250)).toEqual([
    ['chat', 8],
    ['news', 9],
  ])
  expect(answers.due('a', true, 500)).toBe(undefined)
  expect(answers.asked('a', 'chat', 10)).toBe(true)
  expect(answers.due('a', undefined, 750)).toBe(undefined)
  expect(answers.asked('a', 'chat', 11)).toBe(true)
})

test('a lane that takes no more holds the answers back for two seconds', () => {
  const answers = new CausalAnswers<string>()
  answers.asked('a', 'chat', 1)
  expect(answers.due('a', false, 100)).toEqual([])
  expect(answers.due('a', false, 2_099)).toEqual([])
  expect(answers.due('a', false, 2_100)).toEqual([['chat', 1]])
  answers.asked('a', 'chat', 2)
  expect(answers.due('a', false, 2_350)).toEqual([])
})

test('of a thousand labels at once, and no more, a peer is answered', () => {
  const answers = new CausalAnswers<string>()
  for (let label = 0; label < 3_000; label++) answers.asked('a', `label ${label}`, label)
  answers.asked('a', 'label 7', 9_999)
  const due = answers.due('a', true, 0) ?? []
  expect(due).toHaveLength(1_024)
  expect(due).toContainEqual(['label 7', 9_999])
})
