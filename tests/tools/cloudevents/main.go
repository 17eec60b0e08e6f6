// CloudEvents' own SDK for Go with its binding for Kafka.
//
//	cloudevents write BOOTSTRAP TOPIC         a record for each line of standard input
//	cloudevents read BOOTSTRAP TOPIC COUNT    a line for each record, as the SDK reads it
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/IBM/sarama"
	"github.com/cloudevents/sdk-go/protocol/kafka_sarama/v2"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// Given is an event as the tests state it, and as it is reported to them.
type Given struct {
	Attributes map[string]any `json:"attributes"`
	Content    []byte         `json:"content"` // base64 in JSON; null is no data
	IsText     bool           `json:"is_text"`
}

// Line is a record to write.
type Line struct {
	Mode   string  `json:"mode"`
	Events []Given `json:"events"`
}

func main() {
	configuration := sarama.NewConfig()
	configuration.Version = sarama.V2_8_0_0
	configuration.Producer.Return.Successes = true
	bootstrap, topic := []string{os.Args[2]}, os.Args[3]
	if os.Args[1] == "write" {
		write(bootstrap, configuration, topic)
	} else {
		count, err := strconv.Atoi(os.Args[4])
		must(err)
		read(bootstrap, configuration, topic, count)
	}
}

func write(bootstrap []string, configuration *sarama.Config, topic string) {
	client, err := sarama.NewClient(bootstrap, configuration)
	must(err)
	defer client.Close()
	sender, err := kafka_sarama.NewSenderFromClient(client, topic)
	must(err)
	plain, err := sarama.NewSyncProducerFromClient(client)
	must(err)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line Line
		must(json.Unmarshal(lines.Bytes(), &line))
		events := make([]event.Event, len(line.Events))
		for at, given := range line.Events {
			events[at] = made(given)
		}
		switch line.Mode {
		case "structured":
			must(sender.Send(binding.WithForceStructured(context.Background()), binding.ToMessage(&events[0])))
		case "binary":
			must(sender.Send(binding.WithForceBinary(context.Background()), binding.ToMessage(&events[0])))
		case "batched":
			// The binding for Kafka writes no batch; the SDK's own JSON of its events is what its HTTP binding sends.
			value, err := json.Marshal(events)
			must(err)
			kind := sarama.RecordHeader{Key: []byte("content-type"), Value: []byte(event.ApplicationCloudEventsBatchJSON)}
			_, _, err = plain.SendMessage(&sarama.ProducerMessage{
				Topic: topic, Value: sarama.ByteEncoder(value), Headers: []sarama.RecordHeader{kind},
			})
			must(err)
		}
	}
	must(lines.Err())
}

func made(given Given) event.Event {
	made := cloudevents.NewEvent()
	for name, value := range given.Attributes {
		text := fmt.Sprint(value)
		switch name {
		case "specversion", "datacontenttype":
		case "id":
			made.SetID(text)
		case "source":
			made.SetSource(text)
		case "type":
			made.SetType(text)
		case "subject":
			made.SetSubject(text)
		case "dataschema":
			made.SetDataSchema(text)
		case "time":
			time, err := types.ParseTime(text)
			must(err)
			made.SetTime(time)
		default:
			if number, isNumber := value.(float64); isNumber {
				made.SetExtension(name, int32(number))
			} else {
				made.SetExtension(name, value)
			}
		}
	}
	if given.Content != nil {
		kind := fmt.Sprint(given.Attributes["datacontenttype"])
		if given.IsText {
			must(made.SetData(kind, string(given.Content)))
		} else {
			must(made.SetData(kind, given.Content))
		}
	}
	return made
}

func read(bootstrap []string, configuration *sarama.Config, topic string, count int) {
	consumer, err := sarama.NewConsumer(bootstrap, configuration)
	must(err)
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	must(err)
	for range count {
		message := kafka_sarama.NewMessageFromConsumerMessage(<-partition.Messages())
		found, err := binding.ToEvent(context.Background(), message)
		must(err)
		told, err := json.Marshal(reported(found))
		must(err)
		fmt.Println(string(told))
	}
}

func reported(found *event.Event) Given {
	attributes := map[string]any{
		"specversion": found.SpecVersion(), "id": found.ID(), "source": found.Source(), "type": found.Type(),
		"subject": found.Subject(), "time": types.FormatTime(found.Time()),
	}
	if found.DataContentType() != "" {
		attributes["datacontenttype"] = found.DataContentType()
	}
	if found.DataSchema() != "" {
		attributes["dataschema"] = found.DataSchema()
	}
	for name, value := range found.Extensions() {
		text, err := types.Format(value)
		must(err)
		attributes[name] = text
	}
	return Given{Attributes: attributes, Content: found.Data()}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
