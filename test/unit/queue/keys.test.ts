import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelId } from '../../../src/contracts/ids.ts';
import { laneModel, laneName } from '../../../src/queue/keys.ts';
import { fc } from '../../helpers/properties.ts';

test("a lane's name is legal for BullMQ and gives the model back, whatever its id", () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (id) => {
      const lane = laneName(id as ModelId, 'batch');
      assert.ok(!lane.includes(':') && !lane.includes('|'));
      assert.equal(laneModel(lane), id);
    }),
  );
  assert.equal(laneName('meta/llama3:8b' as ModelId, 'normal'), 'm.meta%2Fllama3%3A8b.normal');
});
