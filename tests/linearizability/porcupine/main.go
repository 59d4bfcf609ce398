// A second opinion on histories of tests/linearizability, by a checker that others wrote and
// a model that is written anew: porcupine RIGHT.json WRONG.json...
//
// The first history must be linearizable, by two models: the store as a whole, and each
// stream on its own. Each of the others must be refused by the first model.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	streamsMax = 64
	types      = 3
	tagSets    = 4
	timeout    = 60 * time.Second
)

// The numbers of history.h.
const (
	kindAppend = iota
	kindHead
	kindEnd
)

const (
	outcomeUnknown = iota
	outcomeAppended
	outcomeRefused
	outcomeFound
	outcomeNothing
)

const (
	expectedAny = iota
	expectedNoStream
	expectedExists
	expectedRevision
)

type part struct {
	Stream        int
	Expected      int
	Revision      uint64
	Events        uint64
	FirstRevision uint64 `json:"first_revision"`
}

// Bits of types, any if there are none; bits of tags, which all have to be there.
type condition struct {
	Given       bool
	Types, Tags uint
	Seen        uint64
}

type operation struct {
	Kind, Outcome      int
	Invoked, Returned  uint64
	Revision, Position uint64
	ConflictTold       bool   `json:"conflict_told"`
	ConflictPart       int    `json:"conflict_part"`
	ConflictExists     bool   `json:"conflict_exists"`
	ConflictRevision   uint64 `json:"conflict_revision"`
	Type, Tags         uint
	Condition          condition
	MatchTold          bool   `json:"match_told"`
	MatchPosition      uint64 `json:"match_position"`
	Parts              []part
}

type stream struct{ events, lastPosition uint64 }

type store struct {
	events  uint64
	streams [streamsMax]stream
	newest  [types][tagSets]uint64 // position + 1 of the newest event of each kind
}

// Position + 1 of the newest event that the condition is about.
func newestMatch(s *store, c condition) (newest uint64) {
	for kind := range s.newest {
		for tags, end := range s.newest[kind] {
			matches := (c.Types == 0 || c.Types&(1<<kind) != 0) && c.Tags&^uint(tags) == 0
			if matches && end > newest {
				newest = end
			}
		}
	}
	return newest
}

// The refusals that leave no doubt about what was at fault, and those that do.
func refusalFits(s *store, o operation) bool {
	fault := conflict(s, o.Parts)
	violated := o.Condition.Given && newestMatch(s, o.Condition) > o.Condition.Seen
	switch {
	case o.MatchTold:
		return violated && o.Condition.Seen <= o.MatchPosition &&
			o.MatchPosition < newestMatch(s, o.Condition)
	case o.ConflictTold && fault >= 0:
		events := s.streams[o.Parts[fault].Stream].events
		return o.ConflictPart == fault && o.ConflictExists == (events > 0) &&
			(events == 0 || o.ConflictRevision+1 == events)
	case o.ConflictTold:
		return false
	}
	return fault >= 0 || violated
}

func holds(events uint64, p part) bool {
	switch p.Expected {
	case expectedAny:
		return true
	case expectedNoStream:
		return events == 0
	case expectedExists:
		return events > 0
	}
	return events == p.Revision+1
}

func conflict(s *store, parts []part) int {
	for i, p := range parts {
		if !holds(s.streams[p.Stream].events, p) {
			return i
		}
	}
	return -1
}

func appendStep(s store, o operation) (bool, interface{}) {
	if o.Outcome == outcomeRefused {
		return refusalFits(&s, o), s
	}
	if conflict(&s, o.Parts) >= 0 ||
		o.Condition.Given && newestMatch(&s, o.Condition) > o.Condition.Seen {
		return false, s
	}
	for _, p := range o.Parts {
		if p.Events == 0 {
			continue
		}
		if s.streams[p.Stream].events != p.FirstRevision {
			return false, s
		}
		s.events += p.Events
		s.streams[p.Stream] = stream{p.FirstRevision + p.Events, s.events - 1}
	}
	s.newest[o.Type][o.Tags] = s.events
	return s.events == o.Position+1, s
}

func step(state, input, _ interface{}) (bool, interface{}) {
	s, o := state.(store), input.(operation)
	switch o.Kind {
	case kindAppend:
		return appendStep(s, o)
	case kindHead:
		head := s.streams[o.Parts[0].Stream]
		if o.Outcome == outcomeNothing {
			return head.events == 0, s
		}
		return head.events == o.Revision+1 && head.lastPosition == o.Position, s
	}
	if o.Outcome == outcomeNothing {
		return s.events == 0, s
	}
	return s.events == o.Position+1, s
}

var wholeStore = porcupine.Model{
	Init: func() interface{} { return store{} },
	Step: step,
}

// What one operation says of one stream; the state is how many events it holds.
type glimpse struct {
	refused bool // the expectation does not hold
	told    bool // what the stream holds is known:
	events  uint64
	part    part
}

var oneStream = porcupine.Model{
	Init: func() interface{} { return uint64(0) },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		events, g := state.(uint64), input.(glimpse)
		if g.told && events != g.events {
			return false, events
		}
		if holds(events, g.part) == g.refused {
			return false, events
		}
		return true, events + g.part.Events
	},
}

// Histories of single streams: if the whole is linearizable, each of them is.
func divide(operations []operation) [streamsMax][]porcupine.Operation {
	var divided [streamsMax][]porcupine.Operation
	note := func(o operation, g glimpse) {
		divided[g.part.Stream] = append(divided[g.part.Stream], porcupine.Operation{
			Input: g, Call: int64(o.Invoked), Return: returned(o)})
	}
	for _, o := range operations {
		switch {
		case o.Outcome == outcomeAppended:
			for _, p := range o.Parts {
				note(o, glimpse{told: p.Events > 0, events: p.FirstRevision, part: p})
			}
		case o.Outcome == outcomeRefused && (o.ConflictTold || len(o.Parts) == 1 && !o.Condition.Given):
			g := glimpse{refused: true, told: o.ConflictTold, part: o.Parts[o.ConflictPart]}
			if o.ConflictExists {
				g.events = o.ConflictRevision + 1
			}
			g.part.Events = 0
			note(o, g)
		case o.Kind == kindHead:
			g := glimpse{told: true, part: part{Stream: o.Parts[0].Stream}}
			if o.Outcome == outcomeFound {
				g.events = o.Revision + 1
			}
			note(o, g)
		}
	}
	return divided
}

// An operation that nobody was told the end of may have happened until the end of time.
func returned(o operation) int64 {
	if o.Returned > 1<<62 {
		return 1 << 62
	}
	return int64(o.Returned)
}

func read(path string) ([]operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var operations []operation
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var o operation
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, err
		}
		if o.Outcome == outcomeUnknown {
			return nil, fmt.Errorf("line %d: not settled", len(operations)+1)
		}
		operations = append(operations, o)
	}
	return operations, nil
}

func decide(operations []operation) porcupine.CheckResult {
	var history []porcupine.Operation
	for _, o := range operations {
		history = append(history, porcupine.Operation{
			Input: o, Call: int64(o.Invoked), Return: returned(o)})
	}
	return porcupine.CheckOperationsTimeout(wholeStore, history, timeout)
}

func decideStreams(operations []operation) porcupine.CheckResult {
	for _, history := range divide(operations) {
		result := porcupine.CheckOperationsTimeout(oneStream, history, timeout)
		if result != porcupine.Ok {
			return result
		}
	}
	return porcupine.Ok
}

func main() {
	good := len(os.Args) > 2
	report := func(fits bool, what, path string, result porcupine.CheckResult) {
		good = good && fits
		if fits {
			fmt.Printf("ok - %s: %s is %s\n", what, filepath.Base(path), result)
		} else {
			fmt.Printf("not ok - %s: %s is %s\n", what, filepath.Base(path), result)
		}
	}
	for i, path := range os.Args[1:] {
		operations, err := read(path)
		if err != nil || len(operations) == 0 {
			fmt.Printf("not ok - %s: %v\n", path, err)
			os.Exit(1)
		}
		result := decide(operations)
		if i > 0 {
			report(result == porcupine.Illegal, "a wrong history is refused", path, result)
			continue
		}
		report(result == porcupine.Ok, "the store as a whole", path, result)
		result = decideStreams(operations)
		report(result == porcupine.Ok, "each stream on its own", path, result)
	}
	if !good {
		os.Exit(1)
	}
}
