import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Holds two seats of an event: sends one command and prints its position on the topic.
 * Arguments: TENANT EVENT CART. The cart is the idempotency key: with the same cart again the seats
 * are held once, and the answer comes again. BROKERS and TOPIC are variables of the environment.
 */
public final class HoldSeats {
  static final Map<String, String> ENV = System.getenv();

  static ProducerRecord<String, String> hold(String tenant, String event, String cart) {
    String data = """
        {"eventId": "%s", "customerId": "customer-4711",
         "items": [{"sectionId": "floor", "quantity": 2}]}""".formatted(event);
    // The key places the record: the commands of one event are decided in their order.
    var record = new ProducerRecord<>(ENV.getOrDefault("TOPIC", "ticketing.commands"), event, data);
    Map.of("ce_specversion", "1.0",
           "ce_id", UUID.randomUUID().toString(),
           "ce_source", "/web-shop",
           "ce_type", "ticketing.reservation.create.v1",
           "ce_tenantid", tenant,
           "ce_idempotencykey", cart,
           "content-type", "application/json")
        .forEach((name, value) -> record.headers().add(name, value.getBytes(UTF_8)));
    return record;
  }

  public static void main(String[] arguments) throws InterruptedException {
    // Keys are placed by murmur2 unless partitioner.class says otherwise: leave it alone.
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", ENV.getOrDefault("BROKERS", "localhost:9092"),
        "acks", "all",
        "enable.idempotence", true,  // retries keep the order
        "delivery.timeout.ms", 60000);
    var text = new StringSerializer();
    try (var producer = new KafkaProducer<String, String>(settings, text, text)) {
      var at = producer.send(hold(arguments[0], arguments[1], arguments[2])).get();
      System.out.println(at.topic() + "/" + at.partition() + "/" + at.offset());
    } catch (ExecutionException unknown) {
      System.err.println("not known to be delivered, send it again with the same cart: "
          + unknown.getCause());
      System.exit(1);
    }
  }
}
